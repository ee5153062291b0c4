"""What a streaming job needs around it: a bucket, a subscription, a dataset."""

from analytics.runner import apply_views
from stores.warehouse import open_warehouse
from tests.pipeline.jobs import upload_notification


class Stream:
    """Buckets, a subscription and a dataset of their own; the job's command line over them."""

    def __init__(self, gcs, pubsub, bigquery, prism=None, extra_env=None):
        self.channel = pubsub.channel(10)
        self.gcs = gcs
        self.bucket = gcs.new_bucket().name
        self.env = {**gcs.env, **pubsub.env, **bigquery.env, **(extra_env or {})}
        self.uri = bigquery.new_dataset()
        self.warehouse = open_warehouse(self.uri)
        self.arguments = [
            f"--input={self.channel.uri}",
            f"--variants=gs://{self.bucket}/variants",
            f"--warehouse={self.uri}",
            *([f"--prism_location={prism}"] if prism else []),
        ]

    def prepare(self):
        """As the job does at its start, so that its tables can be asked from the first moment."""
        self.warehouse.prepare()
        apply_views(self.warehouse)

    def upload(self, name, content, *, bucket=None):
        blob = self.gcs.client.bucket(bucket or self.bucket).blob(name)
        blob.upload_from_string(content, content_type="image/jpeg")
        self.channel.publish(*upload_notification(blob, bucket or self.bucket))
        return blob

    def table(self, name, columns="*"):
        return self.warehouse.query(f"SELECT {columns} FROM `{self.warehouse.dataset}.{name}`")

    def live(self):
        return {row["uri"]: row for row in self.table("assets_live")}
