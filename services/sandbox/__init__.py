"""Stand-in tenants of both vendors, an embedded Kafka, and the demo. Never part of production."""
