"""What Kafka holds, as tables that can be searched. Rebuilt from the topics at will: never a second truth."""
