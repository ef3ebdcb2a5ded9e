"""What IAM policies say, in the part of their language that infra/ uses. What is outside of it is an error
here: nothing is allowed, and nothing is refused, by a rule that was not understood.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import json
import re
from dataclasses import dataclass

KNOWN = {"Sid", "Effect", "Action", "Resource", "Condition", "Principal"}


class Unknown(Exception):
    """The policy says something that nobody here can judge."""


@dataclass(frozen=True)
class Statement:
    sid: str
    effect: str
    actions: tuple
    resources: tuple
    conditions: dict
    # Service of a trust or resource policy; None in the policy of a role.
    services: tuple

    def concerns(self, action, resource, context, service=None):
        return (
            any(matches(pattern.lower(), action.lower()) for pattern in self.actions)
            # A trust policy is about its own role and names no resource.
            and (not self.resources or any(matches(pattern, resource) for pattern in self.resources))
            and (service in self.services if self.services else service is None)
            and holds(self.conditions, context)
        )


def statements(policy):
    """Of a document as text or as what JSON becomes."""
    document = json.loads(policy) if isinstance(policy, str) else policy
    if document.get("Version") != "2012-10-17":
        raise Unknown(f"Version {document.get('Version')}")
    return [statement(one) for one in as_list(document["Statement"])]


def statement(one):
    if strange := set(one) - KNOWN:
        raise Unknown(f"{sorted(strange)} in {one}")
    if one["Effect"] not in ("Allow", "Deny"):
        raise Unknown(f"Effect {one['Effect']}")
    principal = one.get("Principal", {})
    # Everybody is only refused something in infra/, as without TLS.
    if principal == "*" and one["Effect"] == "Deny":
        principal = {}
    if not isinstance(principal, dict) or set(principal) - {"Service"}:
        raise Unknown(f"Principal {principal}")
    patterns = [*as_list(one["Action"]), *as_list(one.get("Resource", []))]
    if variable := next((pattern for pattern in patterns if "${" in pattern), None):
        raise Unknown(f"the variable in {variable}")
    return Statement(
        sid=one.get("Sid", ""),
        effect=one["Effect"],
        actions=tuple(as_list(one["Action"])),
        resources=tuple(as_list(one.get("Resource", []))),
        conditions=one.get("Condition", {}),
        services=tuple(as_list(principal.get("Service", []))),
    )


def is_allowed(policy, action, resource, context, service=None):
    """A Deny wins, and what nothing allows is refused."""
    effects = {one.effect for one in policy if one.concerns(action, resource, context, service)}
    return effects == {"Allow"}


def matches(pattern, text):
    parts = [re.escape(part) for part in re.split(r"([*?])", pattern)]
    return re.fullmatch("".join({r"\*": ".*", r"\?": "."}.get(p, p) for p in parts), text, re.S) is not None


def arn_matches(pattern, arn):
    """Each of the six parts by itself, so that * does not reach over a colon before the last of them."""
    patterns, parts = pattern.split(":", 5), arn.split(":", 5)
    if len(patterns) != 6:
        raise Unknown(f"{pattern} where an ARN should be")
    return len(parts) == 6 and all(map(matches, patterns, parts))


OPERATORS = {
    "StringEquals": lambda expected, found: expected == found,
    "StringLike": matches,
    # Both take wildcards:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    "ArnEquals": arn_matches,
    "ArnLike": arn_matches,
    "Bool": lambda expected, found: expected.lower() == found.lower(),
}


def holds(conditions, context):
    """Every operator and key has to, each with any of its values. A key that the request does not have
    fails."""
    found = {key.lower(): value for key, value in context.items()}
    for operator, keys in conditions.items():
        if operator not in OPERATORS:
            raise Unknown(f"the operator {operator}")
        for key, expected in keys.items():
            value = found.get(key.lower())
            if value is None or not any(OPERATORS[operator](one, value) for one in as_list(expected)):
                return False
    return True


def as_list(value):
    return value if isinstance(value, list) else [value]
