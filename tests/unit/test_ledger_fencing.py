"""That another process owns something now is told in several ways, and each means that one must leave."""

import pytest
from kafka.errors import InvalidProducerEpochError, KafkaError, KafkaTimeoutError, ProducerFencedError

from services.runtime.kafka.transactional_producer import tells_of_fencing

IN_AN_ERROR_STATE = "Cannot execute transactional method because we are in an error state: %s"


@pytest.mark.parametrize(
    "error",
    [
        KafkaError("Producer is closed", ProducerFencedError()),
        KafkaError(IN_AN_ERROR_STATE % ProducerFencedError()),
        KafkaError(IN_AN_ERROR_STATE % InvalidProducerEpochError("old epoch")),
    ],
)
def test_a_fencing_is_known_in_every_form(error: KafkaError) -> None:
    assert tells_of_fencing(error)


@pytest.mark.parametrize("error", [KafkaTimeoutError("no answer"), KafkaError(IN_AN_ERROR_STATE % KafkaTimeoutError())])
def test_other_trouble_is_none(error: KafkaError) -> None:
    assert not tells_of_fencing(error)
