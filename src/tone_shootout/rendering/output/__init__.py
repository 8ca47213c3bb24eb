"""Parts of a result: manifest, folder, credits, texts, plots; and its verification."""
