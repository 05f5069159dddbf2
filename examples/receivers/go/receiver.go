// receiver -- takes Runbell's webhooks: verifies each, takes each once. Go's standard library only.
//
//	RUNBELL_SECRET=whsec_… go run receiver.go 8000
//
// A webhook may come twice (a connection that broke off just before the answer): `webhook-id` is the same then. Answer
// first and fast; do the work afterwards, from a queue of your own.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const toleranceSeconds = 300

// verifies says whether one of the signatures is ours; body is the bytes as they came, before anything parses them.
func verifies(secrets string, header http.Header, body []byte) bool {
	id, timestamp := header.Get("webhook-id"), header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	age := time.Now().Unix() - seconds
	if id == "" || err != nil || age > toleranceSeconds || age < -toleranceSeconds {
		return false
	}
	for _, secret := range strings.Fields(secrets) {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil {
			continue
		}
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.", id, timestamp)
		mac.Write(body)
		for _, part := range strings.Fields(header.Get("webhook-signature")) {
			given, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(part, "v1,"))
			if err == nil && strings.HasPrefix(part, "v1,") && hmac.Equal(given, mac.Sum(nil)) {
				return true
			}
		}
	}
	return false
}

type receiver struct {
	lock sync.Mutex
	seen map[string]time.Time // a real receiver keeps this in its database, in the transaction of the work
}

func (r *receiver) isNew(id string) bool {
	r.lock.Lock()
	defer r.lock.Unlock()
	_, known := r.seen[id]
	r.seen[id] = time.Now()
	return !known
}

func (r *receiver) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(writer, request.Body, 64<<20))
	if err != nil || !verifies(os.Getenv("RUNBELL_SECRET"), request.Header, body) {
		writer.WriteHeader(http.StatusUnauthorized)
		return
	}
	id := request.Header.Get("webhook-id")
	if r.isNew(id) {
		var event struct{ Status string }
		_ = json.Unmarshal(body, &event)
		fmt.Println("received", id, event.Status)
	} else {
		fmt.Println("duplicate", id)
	}
	writer.WriteHeader(http.StatusOK)
}

func main() {
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], &receiver{seen: map[string]time.Time{}}))
}
