"""What a result consists of: manifest, folder, credits, texts, plots; and its verification."""
