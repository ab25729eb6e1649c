"""Incidents: findings of one cause, with a kind, an owner and dates; recorded, never rebuilt."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import SQLModel

from wa_analytics.tables.column import clear, instant


class Incident(SQLModel, table=True):
    """One cause that people must deal with."""

    __tablename__ = "incident"

    incident_id: str = clear("INC- and a number", primary_key=True)
    cause: str = clear("rule and company that group its findings", index=True)
    kind_code: str = clear("compliance_failure or personal_data_breach")
    breach_code: str = clear("undecided, yes or no: whether it is a personal-data breach")
    title: str = clear("what happened, no person in it")
    entity: str | None = clear("company", nullable=True)
    rule: str | None = clear("rule of the findings", nullable=True)
    severity_code: str = clear("critical, high, medium, low")
    status_code: str = clear("open, contained, closed")
    owner: str | None = clear("role that owns it", nullable=True)
    opened_at: datetime = instant("when it was opened")
    occurred_from: datetime | None = instant("earliest finding", nullable=True)
    occurred_to: datetime | None = instant("latest finding", nullable=True)
    finding_count: int = clear("open findings")
    policy_due_at: datetime | None = instant("date the company's policy asks for", nullable=True)
    aware_at: datetime | None = instant("when the company became aware of a breach", nullable=True)
    risk_code: str | None = clear("unlikely, risk or high_risk to people", nullable=True)
    closed_at: datetime | None = instant("when it was closed", nullable=True)


class IncidentEvent(SQLModel, table=True):
    """What was done about an incident, when and by whom."""

    __tablename__ = "incident_event"

    incident_id: str = clear("incident", primary_key=True)
    number: int = clear("order within the incident", primary_key=True)
    at: datetime = instant("when")
    actor: str = clear("who (account name of the operating system)")
    action_code: str = clear("opened, updated, decided, advanced, closed")
    note: str | None = clear("what and why, no person in it", nullable=True)
