# Two stages: the first installs from the hash-locked list, the second holds nothing but Python and the result.
FROM python:3.11-slim AS build
WORKDIR /build
COPY requirements.lock pyproject.toml README.md ./
COPY src src
COPY migrations migrations
# The lock serves as constraints with hashes: what the package asks for is installed from it, and what only tests and the
# embedded stores need is not.
RUN pip install --quiet "$(sed -n 's/^\(uv==[^ ;\\]*\).*/\1/p' requirements.lock)" \
 && uv venv --quiet /gateway \
 && uv pip install --quiet --python /gateway/bin/python --compile-bytecode --require-hashes \
      --constraint requirements.lock --requirement pyproject.toml \
 && uv pip install --quiet --python /gateway/bin/python --compile-bytecode --no-deps \
      --build-constraint requirements.lock .

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
