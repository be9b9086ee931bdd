"""The topics as SQLite tables that can be searched. Rebuilt from Kafka at any time: never a second source of truth."""
