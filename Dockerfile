# A server for studies: no PyTorch, no compiler, not root. docs/hosting.md says how to use it.
# 3.13.15, for all machines. The digest is what counts; the tag is for the reader.
FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

WORKDIR /source
COPY pyproject.toml requirements.lock README.md LICENSE shift_study.py ./
COPY analysis analysis
COPY metric metric
COPY study_server study_server
COPY templates templates
RUN pip install --no-cache-dir -c requirements.lock . && useradd --create-home --uid 1000 study

USER 1000
WORKDIR /studies
EXPOSE 8000
ENTRYPOINT ["shift-study"]
CMD ["--help"]
