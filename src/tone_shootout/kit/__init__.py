"""What has no domain: settings, database base, storage, problem details, ids."""
