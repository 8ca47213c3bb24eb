"""What every HTTP route shares: problem details, OpenAPI, ranges, body timeouts, WebSockets, the server."""
