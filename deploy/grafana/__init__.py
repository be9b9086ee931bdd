"""The dashboards, as code. `make dashboards` writes dashboards/*.json; tests/unit/test_dashboards.py compares."""
