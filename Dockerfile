# The bot and its workers in one image: `docker build -t optimize-bot .`, or `docker compose up` with compose.yaml.
#
# The engine is compiled while the image is built, for the processor that builds it; on a processor of another kind the
# first start compiles it again, which takes a minute.
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PATH=/opt/optimize-bot/bin:$PATH \
    NUMBA_CACHE_DIR=/opt/optimize-bot/compiled \
    MPLCONFIGDIR=/tmp/matplotlib \
    OPTIMIZE_BOT_HOME=/data \
    OPTIMIZE_BOT_HOST=0.0.0.0

RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 tini \
    && rm -rf /var/lib/apt/lists/*

COPY . /src
RUN python3 -m venv --upgrade-deps /opt/optimize-bot \
    && cd /src && /opt/optimize-bot/bin/pip install -c constraints.txt '.[sources]' \
    && rm -rf /src

RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin optimize-bot \
    && mkdir -p /data "$NUMBA_CACHE_DIR" \
    && chown optimize-bot: /data "$NUMBA_CACHE_DIR" \
    && chmod 700 /data
USER optimize-bot
WORKDIR /data
RUN optimize-bot warm

VOLUME /data
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=4 \
    CMD ["python3", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ.get(\"OPTIMIZE_BOT_PORT\", 3000)}/healthz', timeout=4)"]
ENTRYPOINT ["tini", "--", "optimize-bot"]
CMD ["serve"]
