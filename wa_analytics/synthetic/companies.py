"""The three invented companies: what they own on the platform and how much they write."""

from __future__ import annotations

import json
from typing import NamedTuple

from wa_analytics.synthetic.schedule import ClassRule


class Channel(NamedTuple):
    """One business number; its own phone stands in a reserved range too. waba_id: empty where the
    provider tells of no account; after 55 it reads as nobody's phone (there is no area code 21 in
    `people`), since in a database file it stands right behind digests."""

    channel_id: str
    phone: str
    waba_id: str


class Template(NamedTuple):
    """is_logged: whether the send log holds the filled-in text, or only the template's name.
    share: how often ordinary traffic picks it, within its company."""

    name: str
    purpose: str
    wording: str
    is_logged: bool
    share: float


class Company(NamedTuple):
    """share: part of the group's recent messages; older_share: of the older ones.
    zone_hours: offset in which its send log writes times; opt_out_words: planted in its traffic.
    phone_prefix: how its own records write a phone (`+` or nothing). provider: who brings its
    messages; Infobip knows a business number by its digits."""

    key: str
    name: str
    kind: str
    jurisdiction: str
    time_zone: str
    owner: str
    business_names: tuple[str, ...]
    channels: tuple[Channel, ...]
    templates: tuple[Template, ...]
    countries: tuple[tuple[str, float], ...]
    share: float
    older_share: float
    zone_hours: int
    phone_prefix: str
    currency: str
    opt_out_words: tuple[tuple[str, str], ...]
    provider: str
    is_marketing_refused: bool = False

    @property
    def main_channel(self) -> Channel:
        return self.channels[0]

    @property
    def waba_ids(self) -> list[str]:
        """The accounts it is told of; Infobip tells of none."""
        return sorted({channel.waba_id for channel in self.channels if channel.waba_id})

    def channel(self, channel_id: str) -> Channel:
        return next(channel for channel in self.channels if channel.channel_id == channel_id)

    def template(self, purpose: str) -> Template:
        """The company's first template of the purpose."""
        return next(template for template in self.templates if template.purpose == purpose)


BROKER = Company(
    key="harborline",
    name="Harborline Securities",
    kind="broker_dealer",
    jurisdiction="US",
    time_zone="America/New_York",
    owner="Chief Compliance Officer",
    business_names=("Harborline Securities", "Harborline Securities LLC"),
    channels=(
        Channel("109000000000101", "12125550190", "218000000000100"),
        Channel("109000000000102", "12125550191", "218000000000100"),
        Channel("109000000000103", "12125550192", "218000000000100"),
    ),
    templates=(
        Template("statement_ready", "utility", "Hello {name}, your statement {ref} is ready.", True, 0.40),
        Template("trade_confirmation", "utility", "Trade {ref} was executed, {name}.", True, 0.35),
        Template("advisor_appointment", "utility", "", False, 0.22),
        Template("market_outlook_invite", "marketing", "{name}, join our outlook call {ref}.", True, 0.03),
    ),
    countries=(("US", 1.0),),
    share=0.32,
    older_share=0.45,
    zone_hours=-5,
    phone_prefix="+",
    currency="USD",
    opt_out_words=(("US", "Revoke"), ("US", "opt-out"), ("US", "STOP")),
    provider="meta-cloud",
    is_marketing_refused=True,
)

AIRLINE = Company(
    key="celtair",
    name="Celtair Airways",
    kind="airline",
    jurisdiction="IE",
    time_zone="Europe/Dublin",
    owner="Data Protection Officer",
    business_names=("Celtair Airways", "Celtair Airways DAC", "Celtair UK", "Celtair Holidays"),
    channels=(
        Channel("353209100901", "353209100901", ""),
        Channel("447700900999", "447700900999", ""),
        Channel("353209100903", "353209100903", ""),
        Channel("353209100904", "353209100904", ""),
    ),
    templates=(
        Template("booking_confirmed", "utility", "{name}, booking {ref} is confirmed.", True, 0.30),
        Template("gate_change", "utility", "", False, 0.18),
        Template("checkin_open", "utility", "Check-in for {ref} is open, {name}.", True, 0.17),
        Template("login_code", "authentication", "", False, 0.10),
        Template("fare_sale", "marketing", "{name}, fares from 29 until Sunday, code {ref}.", True, 0.15),
        Template("holiday_offer", "marketing", "", False, 0.10),
    ),
    countries=(("GB", 0.30), ("DE", 0.18), ("IE", 0.20), ("FR", 0.14), ("NL", 0.09), ("ES", 0.09)),
    share=0.42,
    older_share=0.15,
    zone_hours=0,
    phone_prefix="",
    currency="EUR",
    opt_out_words=(("GB", "Stop."), ("ES", "Baja"), ("DE", "Abmelden!"), ("FR", "unsubscribe")),
    provider="infobip",
)

CLINIC = Company(
    key="ipe_claro",
    name="Clínicas Ipê Claro",
    kind="clinic",
    jurisdiction="BR",
    time_zone="America/Sao_Paulo",
    owner="Encarregado de Dados",
    business_names=("Clínicas Ipê Claro", "Ipê Claro Saúde Ltda"),
    channels=(
        Channel("109000000000301", "5520980000901", "218000000000300"),
        Channel("109000000000302", "5520980000902", "218000000000300"),
    ),
    templates=(
        Template("lembrete_consulta", "utility", "Olá {name}, sua consulta {ref} é amanhã.", True, 0.42),
        Template("confirmacao_agendamento", "utility", "", False, 0.28),
        Template("resultado_exame", "utility", "{name}, o resultado {ref} está no portal.", True, 0.12),
        Template("campanha_checkup", "marketing", "{name}, check-up com desconto: {ref}.", True, 0.18),
        Template("pesquisa_acolhimento", "utility", "", False, 0.0),
    ),
    countries=(("BR", 1.0),),
    share=0.26,
    older_share=0.40,
    zone_hours=-3,
    phone_prefix="+",
    currency="BRL",
    opt_out_words=(("BR", "SAIR"), ("BR", "parar"), ("BR", "Descadastrar")),
    provider="aws-social",
)

COMPANIES = (BROKER, AIRLINE, CLINIC)

CALL_BACK = BROKER.channels[2].channel_id
CARE_DESK = AIRLINE.channels[2].channel_id
LOUNGE_PILOT = AIRLINE.channels[3].channel_id
TELECONSULT = CLINIC.channels[1].channel_id
UNSCHEDULED_TEMPLATE = CLINIC.templates[4]

CLASS_RULES = (
    ClassRule("account_notice", BROKER.key, purpose="utility"),
    ClassRule("marketing_archive", BROKER.key, template="market_outlook_invite"),
    ClassRule("customer_notice", AIRLINE.key, channel=AIRLINE.channels[0].channel_id),
    ClassRule("customer_notice", AIRLINE.key, channel=AIRLINE.channels[1].channel_id),
    ClassRule("lounge_pilot", AIRLINE.key, channel=LOUNGE_PILOT),
    ClassRule("medical_record", CLINIC.key, channel=TELECONSULT),
    ClassRule("exam_result", CLINIC.key, template="resultado_exame"),
    ClassRule("patient_survey", CLINIC.key, template=UNSCHEDULED_TEMPLATE.name),
)

OPT_OUT_WORDS = {"de": ("abmelden",), "fr": ("arrêt",)}


def settings_toml() -> str:
    """The part of `settings.toml` that tells the workbench of the group."""
    lines: list[str] = []

    def add(key: str, value: object) -> None:
        lines.append(f"{key} = {json.dumps(value, ensure_ascii=False)}")

    for company in COMPANIES:
        lines.append("[[entity]]")
        for key in ("key", "name", "kind", "jurisdiction", "time_zone", "owner", "business_names"):
            add(key, getattr(company, key))
        add("channels", [channel.channel_id for channel in company.channels])
        add("waba_ids", company.waba_ids)
        lines.append("")
    lines.append("[consent.opt_out_words]")
    for language, words in OPT_OUT_WORDS.items():
        add(language, words)
    lines.append("")
    for rule in CLASS_RULES:
        lines.append("[[retention.record_class]]")
        for key, value in rule._asdict().items():
            if value:
                add(key, value)
        lines.append("")
    return "\n".join(lines)
