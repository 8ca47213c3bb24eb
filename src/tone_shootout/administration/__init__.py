"""What administrators do: jobs of all users, users and their quotas, maintenance mode, announcements."""
