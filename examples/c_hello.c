/* Lesson for C: a small HTTP server on an endpoint, against an edge that runs elsewhere. Each connection is a descriptor
 * with a thread of its own.
 *
 *   ADIT_SERVER=host:port ADIT_AUTHTOKEN=... ADIT_ROOTS=ca.pem examples/run c_hello [URL] */
#define _POSIX_C_SOURCE 200809L
#include <adit/adit.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char response[] = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 26\r\n\r\nHello from C behind adit.\n";

/* Reads one request head and answers it. */
static void *answer(void *descriptor) {
    int fd = (int)(intptr_t)descriptor;
    char head[16384] = "";
    size_t size = 0;
    ssize_t n = 1;
    while (n > 0 && !strstr(head, "\r\n\r\n") && size < sizeof head - 1) {
        n = read(fd, head + size, sizeof head - 1 - size);
        if (n > 0) head[size += (size_t)n] = '\0';
    }
    if (n > 0) send(fd, response, sizeof response - 1, MSG_NOSIGNAL);
    close(fd);
    return NULL;
}

static sigset_t stop_signals;

static void *close_on_signal(void *listener) {
    int number;
    sigwait(&stop_signals, &number);
    adit_listener_close(listener); /* from any thread: wakes the accept in main */
    return NULL;
}

static int fail(const char *what, const adit_error *error) {
    fprintf(stderr, "%s: %s (%s)\n", what, error->message, adit_code_name(error->code));
    return error->flags & ADIT_RETRYABLE ? 75 : EXIT_FAILURE; /* 75: "try again" of sysexits.h */
}

int main(int argc, char **argv) {
    adit_error error;
    sigemptyset(&stop_signals);
    sigaddset(&stop_signals, SIGINT);
    sigaddset(&stop_signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stop_signals, NULL); /* threads inherit it: close_on_signal takes what comes */
    adit_options *options = adit_options_from_env();
    adit_session *session = adit_session_connect(options, &error);
    adit_options_free(options);
    if (!session) return fail("connect", &error);
    adit_endpoint *endpoint = adit_endpoint_new(argc > 1 ? argv[1] : "https://", &error);
    adit_listener *listener = endpoint ? adit_session_listen(session, endpoint, &error) : NULL;
    adit_endpoint_free(endpoint);
    if (!listener) return fail("listen", &error);
    char url[256];
    adit_listener_get(listener, "url", url, sizeof url);
    printf("online: %s\n", url);
    fflush(stdout);
    pthread_t thread;
    if (pthread_create(&thread, NULL, close_on_signal, listener) != 0) return EXIT_FAILURE;
    adit_peer peer;
    for (int fd; (fd = adit_listener_accept(listener, -1, &peer, &error)) >= 0;) {
        fprintf(stderr, "visitor %s\n", peer.remote_address);
        pthread_t worker;
        if (pthread_create(&worker, NULL, answer, (void *)(intptr_t)fd) == 0) pthread_detach(worker);
    }
    adit_session_drain(session, 5000, NULL); /* lets running answers end */
    if (!(error.flags & ADIT_CLOSED)) return fail("accept", &error); /* not by close_on_signal */
    pthread_join(thread, NULL);
    adit_listener_free(listener);
    adit_session_free(session);
    return EXIT_SUCCESS;
}
