"""Errors of Kafka clients. kafka-python and aiokafka have separate error trees: catch `KAFKA_ERRORS` for both."""

from aiokafka.errors import KafkaError as AsyncClientError
from kafka.errors import KafkaError as ClientError

KAFKA_ERRORS: tuple[type[Exception], ...] = (ClientError, AsyncClientError)
