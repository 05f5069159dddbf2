/* tls_identity.c -- client certificates: read from PEM, checked, and given to a connection. */
#include <openssl/err.h>
#include <openssl/pem.h>

#include "http/tls_priv.h"

/* A key that asks for a password is refused: nobody is there to give it. */
static int no_password(char *text, int size, int is_writing, void *context)
{
    (void)text;
    (void)size;
    (void)is_writing;
    (void)context;
    return -1;
}

static BIO *open_pem(struct str pem)
{
    BIO *bio;

    REQUIRE(pem.len <= INT32_MAX);
    bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    REQUIRE(bio);
    return bio;
}

static EVP_PKEY *read_key(struct str pem)
{
    BIO *bio = open_pem(pem);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);

    BIO_free(bio);
    return key;
}

static X509 *read_first(struct str pem)
{
    BIO *bio = open_pem(pem);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, no_password, NULL);

    BIO_free(bio);
    return certificate;
}

static void write_name(const X509 *certificate, char *text, size_t bytes)
{
    X509_NAME_oneline(X509_get_subject_name(certificate), text, (int)bytes);
}

static void write_end(const X509 *certificate, char *text, size_t bytes)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int len;

    REQUIRE(bio);
    ASN1_TIME_print(bio, X509_get0_notAfter(certificate));
    len = BIO_read(bio, text, (int)bytes - 1);
    text[len > 0 ? len : 0] = '\0';
    BIO_free(bio);
}

enum err tls_identity_check(struct str pem, struct tls_identity_facts *facts, const char **why)
{
    X509 *certificate = read_first(pem);
    EVP_PKEY *key = read_key(pem);
    enum err err = ERR_INVALID;

    if (!certificate)
        *why = "there is no certificate in PEM";
    else if (!key)
        *why = "there is no private key in PEM, or it wants a password";
    else if (X509_check_private_key(certificate, key) != 1)
        *why = "the private key is not that of the certificate";
    else if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
        *why = "the certificate has expired";
    else {
        write_name(certificate, facts->subject, sizeof(facts->subject));
        write_end(certificate, facts->not_after, sizeof(facts->not_after));
        err = OK;
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return err;
}

/* The first is the client's own, the others are its chain. */
static bool use_certificates(struct str pem, SSL *ssl)
{
    BIO *bio = open_pem(pem);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, no_password, NULL);
    bool is_fine = certificate && SSL_use_certificate(ssl, certificate) == 1;

    while (is_fine && certificate) {
        X509_free(certificate);
        certificate = PEM_read_bio_X509(bio, NULL, no_password, NULL);
        if (certificate)
            is_fine = SSL_add1_chain_cert(ssl, certificate) == 1;
    }
    X509_free(certificate);
    BIO_free(bio);
    return is_fine;
}

enum err tls_identity_use(struct str pem, SSL *ssl)
{
    EVP_PKEY *key = read_key(pem);
    bool is_fine = key && use_certificates(pem, ssl) && SSL_use_PrivateKey(ssl, key) == 1;

    EVP_PKEY_free(key);
    ERR_clear_error();
    return is_fine ? OK : ERR_INVALID;
}
