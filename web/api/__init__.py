"""The REST API: routes over the same use-cases as the command line, each within one organisation."""
