/* tls_certificate.c -- until when a certificate is valid. */
#include "http/tls.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

enum err tls_certificate_days(const char *certificate_file, int *days, const char **why)
{
    BIO *file = BIO_new_file(certificate_file, "r");
    X509 *certificate = file ? PEM_read_bio_X509(file, NULL, NULL, NULL) : NULL;
    int seconds = 0;
    bool is_read =
        certificate && ASN1_TIME_diff(days, &seconds, NULL, X509_get0_notAfter(certificate)) == 1;

    X509_free(certificate);
    BIO_free(file);
    ERR_clear_error();
    if (is_read)
        return OK;
    *why = file ? "it holds no certificate" : "it cannot be read";
    return ERR_INVALID;
}
