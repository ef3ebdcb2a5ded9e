"""StarRocks' repository in the deployed bucket: what is in it, and what comes of it when it is not."""

import hashlib
import re
import unittest

import pymysql

from emulation.stack import BUCKET, REPOSITORY, stack
from emulation.tables import content, create

DIGEST = r"\.[0-9a-f]{32}"
TABLET = r"__ss_content/__db_\d+/__tbl_\d+/__part_\d+/__idx_\d+/__(\d+)"
# Below the folder of a snapshot.
LAYOUT = {
    "meta": rf"__meta{DIGEST}",
    "info": rf"__info_\d{{4}}(-\d\d){{5}}-\d{{3}}{DIGEST}",
    "header": rf"{TABLET}/\1\.hdr{DIGEST}",
    "rows": rf"{TABLET}/[0-9a-f]+_\d+\.dat{DIGEST}",
}


class Repository(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.it = stack()
        create(cls.it.starrocks, "stored")
        cls.it.cli("group", "add", "stored", "stored.*")
        full = cls.it.succeed(cls.it.start("backup", {"group": "stored", "kind": "full"}))
        cls.label = full["summary"]["databases"][0]["label"]
        cls.folder = f"starrocks/__starrocks_repository_{REPOSITORY}/__ss_{cls.label}/"

    def body(self, key):
        return self.it.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def test_a_backup_is_in_the_bucket_and_comes_back(self):
        [info] = self.it.keys("/__repo_info")
        self.assertEqual(info, f"starrocks/__starrocks_repository_{REPOSITORY}/__repo_info")
        found = {}
        for key in self.it.keys(self.folder):
            name = key.removeprefix(self.folder)
            kinds = [kind for kind, pattern in LAYOUT.items() if re.fullmatch(pattern, name)]
            self.assertEqual(len(kinds), 1, key)
            found.setdefault(kinds[0], []).append(key)
            self.assertEqual(hashlib.md5(self.body(key)).hexdigest(), key.rpartition(".")[2], key)
        # Three partitions of two tablets and one of one; rows where there are some.
        self.assertEqual((len(found["meta"]), len(found["info"]), len(found["header"])), (1, 1, 7))
        self.assertGreater(len(found["rows"]), 3)

        # StarRocks itself lists what is there.
        [row] = self.it.starrocks.sql(f"SHOW SNAPSHOT ON {REPOSITORY} WHERE SNAPSHOT = '{self.label}'")
        self.assertEqual(row[2], "OK")
        self.assertIn(f"__info_{row[1]}.", found["info"][0])
        self.it.restore(target_label=self.label, into_database="stored_copy")
        self.assertEqual(content(self.it.starrocks, "stored_copy"), content(self.it.starrocks, "stored"))

    def restore(self, alias):
        """Started by hand; gives what says how far it is."""
        sql = self.it.starrocks.sql
        [row] = sql(f"SHOW SNAPSHOT ON {REPOSITORY} WHERE SNAPSHOT = '{self.label}'")
        sql(
            f"RESTORE SNAPSHOT stored.`{self.label}` FROM {REPOSITORY} ON (customers AS {alias})"
            f' PROPERTIES ("backup_timestamp" = "{row[1]}", "replication_num" = "1")'
        )

        def progress():
            with self.it.starrocks.connect() as connection, connection.cursor(pymysql.cursors.DictCursor) as cursor:
                cursor.execute("SHOW RESTORE FROM stored")
                return cursor.fetchone()

        return progress

    def customers(self):
        """The object with the two rows of this table."""
        keys = [key for key in self.it.keys(self.folder) if ".dat." in key]
        [key] = [key for key in keys if b"one" in self.body(key) and b"two" in self.body(key)]
        return key

    def test_a_damaged_object_is_noticed_and_nothing_is_restored_until_it_is_whole(self):
        key = self.customers()
        whole = self.body(key)
        self.it.s3.put_object(Bucket=BUCKET, Key=key, Body=whole + b"x")
        progress = self.restore("damaged")
        self.it.until(lambda: "invalid md5" in progress()["TaskErrMsg"])
        self.assertEqual(progress()["State"], "DOWNLOADING")
        self.it.s3.put_object(Bucket=BUCKET, Key=key, Body=whole)
        self.it.until(lambda: progress()["State"] == "FINISHED")
        rows = self.it.starrocks.sql("SELECT * FROM stored.damaged ORDER BY id")
        self.assertEqual(rows, [(1, "one"), (2, "two")])

    def test_a_tablet_that_was_deleted_is_noticed(self):
        tablet = self.customers().rpartition("/")[0] + "/"
        bodies = {key: self.body(key) for key in self.it.keys(tablet)}
        for key in bodies:
            self.it.s3.delete_object(Bucket=BUCKET, Key=key)
        progress = self.restore("deleted")
        self.it.until(lambda: "get nothing from remote path" in progress()["TaskErrMsg"])
        self.it.starrocks.sql("CANCEL RESTORE FROM stored")
        self.assertEqual(progress()["State"], "CANCELLED")
        self.assertNotIn(("deleted",), self.it.starrocks.sql("SHOW TABLES FROM stored"))
        for key, body in bodies.items():
            self.it.s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def test_a_bucket_that_is_not_there_or_not_open_to_us_is_no_repository(self):
        keys = '"aws.s3.access_key" = "AKIANOBODY", "aws.s3.secret_key" = "canary-of-nobody"'
        secure, plain = self.it.aws.secure_endpoint, self.it.aws.endpoint
        profile = '"aws.s3.use_instance_profile" = "true"'
        for bucket, endpoint, who, expected in [
            ("no-such-bucket-here", secure, '"aws.s3.access_key" = "test", "aws.s3.secret_key" = "test"',
             "NoSuchBucketException: The specified bucket does not exist (Service: S3, Status Code: 404"),
            (BUCKET, secure, keys, "S3Exception: null (Service: S3, Status Code: 403"),
            # The bucket wants TLS, whoever asks.
            (BUCKET, plain, profile, "S3Exception: null (Service: S3, Status Code: 403"),
            (BUCKET, "http://127.0.0.1:1", profile, "Connection refused"),
            (BUCKET, secure, '"aws.s3.access_key" = "x"', "The arguments of blob store(S3/Azure) may be wrong."),
        ]:
            with self.subTest(bucket=bucket, who=who, endpoint=endpoint):
                with self.assertRaises(pymysql.MySQLError) as raised:
                    self.it.starrocks.sql(
                        f'CREATE REPOSITORY refused WITH BROKER ON LOCATION "s3a://{bucket}/starrocks"'
                        f' PROPERTIES ({who}, "aws.s3.endpoint" = "{endpoint}")'
                    )
                code, message = raised.exception.args
                self.assertEqual(code, 5064)
                self.assertTrue(message.startswith("Failed to create repository: "), message)
                self.assertIn(expected, message)
                self.assertNotIn("canary", message)
        self.assertNotIn("refused", [row[1] for row in self.it.starrocks.sql("SHOW REPOSITORIES")])
