using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Backprop;

/// <summary>Names and values as bytes, of which other names or values give others: each text follows its length, as the characters that it has.</summary>
internal static class FactText
{
    private const int Null = -1;

    internal static byte[] Write(IEnumerable<KeyValuePair<string, string>> facts)
    {
        var text = new StringBuilder();
        foreach (var (name, value) in facts)
            foreach (var part in (ReadOnlySpan<string?>)[name, value]) text.Append(CultureInfo.InvariantCulture, $"{part?.Length ?? Null} {part}");
        return MemoryMarshal.AsBytes(text.ToString().AsSpan()).ToArray();
    }

    internal static Dictionary<string, string?> Read(byte[] bytes)
    {
        var facts = new Dictionary<string, string?>();
        ReadOnlySpan<char> text = MemoryMarshal.Cast<byte, char>(bytes);
        while (text.Length > 0)
        {
            var name = Next(ref text);
            facts[name!] = Next(ref text);
        }

        return facts;
    }

    private static string? Next(ref ReadOnlySpan<char> text)
    {
        var space = text.IndexOf(' ');
        var length = int.Parse(text[..space], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var part = length == Null ? null : new string(text.Slice(space + 1, length));
        text = text[(space + 1 + Math.Max(length, 0))..];
        return part;
    }
}
