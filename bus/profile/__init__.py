"""The NL GOV profile for CloudEvents 1.1: each rule a named check, and how strict a domain is."""

from bus.profile.policy import RELAXED, Policy, unagreed
from bus.profile.rule import Finding, Rule, Verdict
from bus.profile.rules import RULES

__all__ = ["RELAXED", "RULES", "Finding", "Policy", "Rule", "Verdict", "unagreed"]
