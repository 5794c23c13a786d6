# Two stages: the first installs from the hash-locked list, the second holds nothing but Python and the result.
FROM python:3.11-slim AS build
WORKDIR /build
COPY requirements.lock pyproject.toml README.md ./
COPY src src
COPY migrations migrations
# The lock also holds what tests and the embedded stores need. `uv sync`-like pruning would need a second lock that can
# drift, so everything is installed by hash and what the wheel does not ask for is left behind with this stage:
# `pip install --no-index` of the wheel resolves exactly the runtime packages from the downloaded, verified files.
RUN pip download --quiet --require-hashes --no-deps --dest /wheels --requirement requirements.lock \
 && pip wheel --quiet --no-deps --no-index --find-links /wheels --wheel-dir /wheels . \
 && python -m venv /gateway \
 && /gateway/bin/pip install --quiet --no-index --find-links /wheels richpanel-mcp-gateway \
 && /gateway/bin/python -m compileall -q /gateway/lib

FROM python:3.11-slim
# The upstream client checks certificates against the system's.
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
 && useradd --system --no-create-home --uid 10001 gateway
COPY --from=build /gateway /gateway
ENV PATH=/gateway/bin:$PATH PYTHONUNBUFFERED=1
USER gateway
EXPOSE 8080
ENTRYPOINT ["mcp-gateway"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080"]
