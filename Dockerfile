# The daemon in a container: podman run -v rctrack:/var/lib/rctrack rctrack
# Your own configuration: -v ./rctrack.toml:/etc/rctrack/rctrack.toml:ro

FROM debian:trixie-slim AS build
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# sqlite-utils asks for pip, to install plug-ins of its own: nothing here does.
RUN python3 -m venv /opt/rctrack \
    && /opt/rctrack/bin/pip install --no-cache-dir . \
    && /opt/rctrack/bin/pip uninstall --yes pip

FROM debian:trixie-slim
# Debian's archive keeps one version of each: pinning would break the build at every security update.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates git python3 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 rctrack \
    && useradd --uid 10001 --gid rctrack --no-create-home --home-dir /var/lib/rctrack --shell /usr/sbin/nologin rctrack \
    && install -d -o rctrack -g rctrack -m 0750 /var/lib/rctrack
COPY --from=build /opt/rctrack /opt/rctrack

ENV PATH=/opt/rctrack/bin:$PATH \
    LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1 \
    RCTRACK_STATE=/var/lib/rctrack
USER 10001:10001
WORKDIR /var/lib/rctrack
VOLUME /var/lib/rctrack
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5m --timeout=30s --start-period=2m CMD ["rctrack", "health"]
ENTRYPOINT ["rctrack"]
CMD ["run"]
