package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"

	"github.com/minio/minio-go/v7/pkg/s3utils"

	"letterlock/scanner/letter"
)

// EdgePolicy is the S3 policy (IAM JSON, version 2012-10-17) for the edge of
// one site: put letters of six months and the site's own manifests, get what is
// under keys/ and the site's own receipts. It gives no right to list, to delete,
// or to read a letter, nor to put where no deletion rule holds or the rule of
// five years does: what a stolen scanner leaves goes by itself. Such an edge could
// still put a second version of a letter, which is why the server pins the
// version that it has verified.
func EdgePolicy(bucket, site string) ([]byte, error) {
	if !letter.ValidName(site) {
		return nil, errors.New("writing edge policy: not the name of a site")
	}
	if err := s3utils.CheckValidBucketNameStrict(bucket); err != nil {
		return nil, fmt.Errorf("writing edge policy: %w", err)
	}
	type statement struct {
		Effect   string
		Action   []string
		Resource []string
	}
	objects := "arn:aws:s3:::" + bucket + "/"
	return json.MarshalIndent(struct {
		Version   string
		Statement []statement
	}{"2012-10-17", []statement{
		{"Allow", []string{"s3:PutObject"}, []string{
			objects + letter.ClassPrefix(letter.SixMonths) + "*",
			objects + letter.IncomingPrefix + site + "/*",
		}},
		{"Allow", []string{"s3:GetObject"}, []string{
			objects + path.Dir(letter.RecipientsKey) + "/*",
			objects + letter.ReceiptsPrefix + site + "/*",
		}},
	}}, "", "  ")
}
