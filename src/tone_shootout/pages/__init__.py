"""HTML for people. No rule of a domain stands here: pages call the services, or the REST API that everybody has."""
