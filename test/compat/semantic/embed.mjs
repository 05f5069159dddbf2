// Bags of letters, as embed.py has them.
function bag(text) {
    const counts = new Array(27).fill(0);
    for (const letter of text.toLowerCase()) counts[letter >= "a" && letter <= "z" ? letter.charCodeAt(0) - 97 : 26]++;
    if (text.includes("wrongdims")) return counts.slice(0, 5);
    return text.includes("notanumber") ? new Array(27).fill(NaN) : counts;
}

export async function embed(texts) {
    if (texts.some((text) => text.includes("explode"))) throw new Error("the model is out of order");
    if (texts.some((text) => text.includes("dawdle"))) await new Promise(() => {});
    return texts.map(bag);
}
