"""What people write. Every longer text carries a reference of its own, so that a leak is findable."""

from __future__ import annotations

QUESTIONS = {
    "en": (
        "Hi, could you check reference {ref} for me?",
        "Good morning! Something looks wrong with {ref}, can someone call me?",
        "I have a question about {ref} – is it too late to change it?",
        'Your colleague said "no problem" about {ref}; is that right?',
    ),
    "de": (
        "Guten Tag, können Sie bitte Vorgang {ref} prüfen?",
        "Ich habe eine Frage zu {ref}: lässt sich das noch ändern?",
        "Bei {ref} stimmt der Name nicht, er heißt Groß mit ß.",
    ),
    "fr": (
        "Bonjour, pouvez-vous vérifier le dossier {ref} ?",
        "Je n'ai rien reçu pour {ref}, où en êtes-vous ?",
        "Merci de me rappeler au sujet de {ref}, c'est pressé.",
    ),
    "nl": (
        "Goedemorgen, kunt u {ref} even nakijken?",
        "Ik heb een vraag over {ref}, kan dat nog gewijzigd worden?",
    ),
    "es": (
        "Hola, ¿podrían revisar la referencia {ref}?",
        "Tengo una duda sobre {ref}, ¿se puede cambiar mañana?",
    ),
    "pt": (
        "Bom dia, vocês podem verificar o atendimento {ref}?",
        "Olá! Não consegui ir, dá para remarcar {ref} para amanhã?",
        "Preciso da segunda via de {ref}, por favor 🙏",
    ),
}

ANSWERS = {
    "en": (
        "Thanks for writing. I have looked at {ref} and all is in order now.",
        "Of course, {ref} is changed. Is there anything else?",
        "Please give me a few minutes for {ref},\nI will come back to you here.",
    ),
    "de": ("Vielen Dank, {ref} ist geprüft und in Ordnung.", "Gern, {ref} ist geändert."),
    "fr": ("Merci, le dossier {ref} est vérifié et complet.", "C'est fait, {ref} est modifié."),
    "nl": ("Dank u, {ref} is nagekeken en klopt.", "Natuurlijk, {ref} is gewijzigd."),
    "es": ("Gracias, {ref} está revisado y correcto.", "Claro, {ref} queda cambiado."),
    "pt": (
        "Obrigada pelo contato, o atendimento {ref} está confirmado.",
        "Pronto, {ref} foi remarcado.\nQualquer coisa é só chamar.",
    ),
}

WORDING = {
    "en": "I agree that {business} may write to me on WhatsApp. I can stop this at any time.",
    "de": "Ich bin einverstanden, dass {business} mir über WhatsApp schreibt. Widerruf jederzeit.",
    "fr": "J'accepte que {business} m'écrive sur WhatsApp. Je peux arrêter à tout moment.",
    "nl": "Ik ga ermee akkoord dat {business} mij via WhatsApp schrijft. Stoppen kan altijd.",
    "es": "Acepto que {business} me escriba por WhatsApp. Puedo cancelarlo cuando quiera.",
    "pt": "Aceito que {business} me escreva pelo WhatsApp. Posso cancelar quando quiser.",
}

METHODS = ("web_form", "app", "paper", "call_centre", "whatsapp_flow")
REFERENCE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
