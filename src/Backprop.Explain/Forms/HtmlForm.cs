using System.Net;

namespace Backprop.Explain;

/// <summary>Explanations as one page: frame, look, script and numbers in one file.</summary>
internal static class HtmlForm
{
    public static string Of(Explanation explanation) => Resource("page.html")
        .Replace("{{title}}", Encoded(explanation.Title), StringComparison.Ordinal)
        .Replace("{{noscript}}", Encoded(explanation.Quantities.Sum(quantity => (long)quantity.Count) <= 2000 ? explanation.ToText() : TextForm.Summary(explanation)), StringComparison.Ordinal)
        .Replace("{{css}}", Resource("explain.css"), StringComparison.Ordinal)
        .Replace("{{js}}", Resource("explain.js"), StringComparison.Ordinal)
        .Replace("{{json}}", JsonForm.Of(explanation), StringComparison.Ordinal);      // last: names in it may look like anything

    // Names may hold anything, also what looks like one of the frame's places.
    private static string Encoded(string text) => WebUtility.HtmlEncode(text).Replace("{", "&#123;", StringComparison.Ordinal);

    private static string Resource(string name)
    {
        using var stream = typeof(HtmlForm).Assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException($"The library lacks {name}.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
