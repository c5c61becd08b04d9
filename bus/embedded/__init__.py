"""Real Kafka and real Postgres as child processes: for development, demo and tests only."""
