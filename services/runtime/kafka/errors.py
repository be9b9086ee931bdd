"""What Kafka clients raise. kafka-python and aiokafka have a tree of errors each, and neither knows the other's.

Catch `KAFKA_ERRORS` wherever Kafka is called, by whichever client.
"""

from aiokafka.errors import KafkaError as AsyncClientError
from kafka.errors import KafkaError as ClientError

KAFKA_ERRORS: tuple[type[Exception], ...] = (ClientError, AsyncClientError)
