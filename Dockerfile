# Concord in a container: the pinned packages, the code, and a user without rights.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
COPY requirements.lock ./
RUN pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY connectors connectors
COPY sync sync
COPY tasks tasks
COPY web web
COPY cli cli
RUN pip install --no-deps --no-build-isolation . \
    && useradd --uid 10001 --no-create-home concord \
    && mkdir /data && chown concord /data
USER 10001
CMD ["concord", "--help"]
