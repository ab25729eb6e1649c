"""What the platform and the company call a purpose, in one vocabulary."""

from __future__ import annotations

PURPOSES = ("marketing", "utility", "authentication", "service")

# Meta's pricing.category (pricing page, July 2025 and later) and template categories.
PLATFORM_CATEGORY = {
    "marketing": "marketing",
    "marketing_lite": "marketing",
    "group_marketing": "marketing",
    "utility": "utility",
    "group_utility": "utility",
    "authentication": "authentication",
    "authentication-international": "authentication",
    "authentication_international": "authentication",
    "service": "service",
    "group_service": "service",
    "referral_conversion": "service",
}


def platform_purpose(category: str | None) -> str | None:
    """Purpose of a platform category; an unknown category keeps its own lower-case name."""
    if not category:
        return None
    if category in PLATFORM_CATEGORY:
        return PLATFORM_CATEGORY[category]
    name = category.strip().lower()
    return PLATFORM_CATEGORY.get(name, name) or None
