namespace Backprop.Explain;

/// <summary>What may have been meant.</summary>
internal static class Spelling
{
    /// <summary><c>; did you mean "relu"?</c>, or nothing where no word is near.</summary>
    public static string Suggestion(string word, IEnumerable<string> words)
    {
        var (lower, best, least) = (word.ToLowerInvariant(), "", int.MaxValue);
        foreach (var known in words)
            if (Distance(lower, known.ToLowerInvariant()) is var distance && distance < least) (best, least) = (known, distance);
        return least <= Math.Max(1, Math.Min(word.Length, best.Length) / 3) ? $"; did you mean \"{best}\"?" : "";
    }

    /// <summary>How many letters must be changed, added, left out or swapped with their neighbour.</summary>
    private static int Distance(string a, string b)
    {
        if (Math.Abs(a.Length - b.Length) > 4) return int.MaxValue;
        var d = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++) d[i, 0] = i;
        for (var j = 0; j <= b.Length; j++) d[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
            for (var j = 1; j <= b.Length; j++)
            {
                d[i, j] = Math.Min(Math.Min(d[i - 1, j], d[i, j - 1]) + 1, d[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
            }

        return d[a.Length, b.Length];
    }
}
