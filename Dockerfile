# Runs hindlog as a service, as a user without rights, on an archive in the volume /data:
#   docker build -t hindlog .
#   docker run --rm -v hindlog:/data hindlog init /data
#   docker run -d --name hindlog -e HINDLOG_MACHINE=$(hostname) -v hindlog:/data hindlog
# docker stop sends SIGTERM: the current page is finished, and the exit code is 0.
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY docs/hindlog.1 docs/
COPY eventlog eventlog
COPY projector projector
COPY fetcher fetcher
COPY cli cli
RUN python -m venv /opt/hindlog \
    && /opt/hindlog/bin/pip install --no-cache-dir --constraint constraints.txt .

FROM python:3.13-slim
COPY --from=build /opt/hindlog /opt/hindlog
RUN useradd --system --uid 10001 --create-home hindlog && install -d -o hindlog -g hindlog /data
ENV PATH=/opt/hindlog/bin:$PATH \
    HINDLOG_ARCHIVE=/data
USER hindlog
VOLUME /data
WORKDIR /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5m --timeout=1m --start-period=1m CMD ["hindlog", "doctor"]
ENTRYPOINT ["hindlog"]
CMD ["fetch", "run"]
