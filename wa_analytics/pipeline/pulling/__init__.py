"""What a provider's API, queue or bucket gives when asked, stored like any other capture."""
