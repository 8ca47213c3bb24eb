"""HTML pages. They contain no business rules: they call services or the public REST API."""
