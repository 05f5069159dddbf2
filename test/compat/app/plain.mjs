// An app without a router: its 404 means that it has no such route.
export const app = {
    async fetch(request) {
        const url = new URL(request.url);
        if (url.pathname === "/custom/back") return new Response(request.body); // each piece as it comes
        const count = url.searchParams.has("read") ? (await request.arrayBuffer()).byteLength : 0;
        if (url.pathname === "/custom/plain") return new Response(String(count));
        return new Response("none of mine", { status: 404 });
    },
};
