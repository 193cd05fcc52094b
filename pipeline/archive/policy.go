package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"

	"github.com/minio/minio-go/v7/pkg/s3utils"

	"letterlock/scanner/letter"
)

// statement is one permission of a policy.
type statement struct {
	Effect    string
	Action    []string
	Resource  []string
	Condition map[string]map[string]string `json:",omitempty"`
}

// withheld are what a put can ask for so that the storage gives the object to nobody
// afterwards, or to whoever holds another key: to be encrypted with a key of one's own,
// or to lie in an archive.
var withheld = []string{"s3:x-amz-server-side-encryption-customer-algorithm",
	"s3:x-amz-server-side-encryption-aws-kms-key-id", "s3:x-amz-storage-class"}

// written is a policy as storages read it.
func written(statements []statement) ([]byte, error) {
	return json.MarshalIndent(struct {
		Version   string
		Statement []statement
	}{"2012-10-17", statements}, "", "  ")
}

// ServerPolicy is the S3 policy (IAM JSON, version 2012-10-17) for a running server:
// in its bucket and nowhere else it may list, read, put what it and the scanner of its
// own process put, and remove letters, announcements and receipts for good. It may look
// at the bucket's versioning, deletion rules, object lock and replication and change none
// of them; it may remove no checkpoint of the register, which others compare it with; and
// it may make no users. Whoever sets up or mends the bucket has credentials for that.
func ServerPolicy(bucket string) ([]byte, error) {
	if err := s3utils.CheckValidBucketNameStrict(bucket); err != nil {
		return nil, fmt.Errorf("writing server policy: %w", err)
	}
	whole := "arn:aws:s3:::" + bucket
	below := func(prefixes ...string) (all []string) {
		for _, prefix := range prefixes {
			all = append(all, whole+"/"+prefix+"*")
		}
		return all
	}
	keys := path.Dir(letter.RecipientsKey) + "/"
	return written([]statement{
		{"Allow", []string{"s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads", "s3:GetBucketVersioning",
			"s3:GetLifecycleConfiguration", "s3:GetBucketObjectLockConfiguration", "s3:GetReplicationConfiguration"}, []string{whole}, nil},
		{"Allow", []string{"s3:GetObject", "s3:GetObjectVersion"},
			below(letter.LettersPrefix, letter.IncomingPrefix, letter.ReceiptsPrefix, keys, letter.CheckpointsPrefix), nil},
		{"Allow", []string{"s3:PutObject"},
			below(letter.ClassPrefix(letter.SixMonths), letter.ClassPrefix(letter.FiveYears), letter.IncomingPrefix, letter.ReceiptsPrefix, keys, letter.CheckpointsPrefix), nil},
		// MinIO asks for DeleteObject, AWS for DeleteObjectVersion, where a version is to go.
		{"Allow", []string{"s3:DeleteObject", "s3:DeleteObjectVersion", "s3:AbortMultipartUpload"},
			below(letter.LettersPrefix, letter.IncomingPrefix, letter.ReceiptsPrefix), nil},
	})
}

// EdgePolicy is the S3 policy (IAM JSON, version 2012-10-17) for the edge of
// one site: put letters of six months and the site's own manifests, get what is
// under keys/ and the site's own receipts. It gives no right to list, to delete,
// or to read a letter, nor to put where no deletion rule holds or the rule of
// five years does: what a stolen scanner leaves goes by itself; nor to put what the
// storage would withhold from the server. Such an edge could
// still put a second version of a letter, which is why the server pins the
// version that it has verified.
func EdgePolicy(bucket, site string) ([]byte, error) {
	if !letter.ValidName(site) {
		return nil, errors.New("writing edge policy: not the name of a site")
	}
	if err := s3utils.CheckValidBucketNameStrict(bucket); err != nil {
		return nil, fmt.Errorf("writing edge policy: %w", err)
	}
	objects := "arn:aws:s3:::" + bucket + "/"
	may := []statement{
		{"Allow", []string{"s3:PutObject"}, []string{
			objects + letter.ClassPrefix(letter.SixMonths) + "*",
			objects + letter.IncomingPrefix + site + "/*",
		}, nil},
		{"Allow", []string{"s3:GetObject"}, []string{
			objects + path.Dir(letter.RecipientsKey) + "/*",
			objects + letter.ReceiptsPrefix + site + "/*",
		}, nil},
	}
	for _, asked := range withheld {
		may = append(may, statement{"Deny", []string{"s3:PutObject"}, []string{objects + "*"},
			map[string]map[string]string{"Null": {asked: "false"}}})
	}
	return written(may)
}
