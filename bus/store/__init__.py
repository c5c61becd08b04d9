"""Postgres: who may do what, all about subscriptions, exceptions to normal delivery."""
