"""Campaigns that run longer than a test may: `python -m tests.stress` lists them."""
