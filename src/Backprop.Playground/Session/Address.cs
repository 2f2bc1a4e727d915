using System.Globalization;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Playground;

/// <summary>A setup as the query of an address, and back: <c>?net=2-4-1%20tanh%20mse&amp;data=xor&amp;seed=3</c>. The notebook's setup is the empty query.</summary>
internal static class Address
{
    /// <summary>An address that is longer is cut by some programs.</summary>
    public const int MostCharacters = 8000;

    /// <summary>So many points an address may bring.</summary>
    private const int MostPoints = 1000;

    private static readonly string[] Known = ["net", "data", "points", "classes", "seed", "opt", "lr", "momentum", "nesterov", "beta1", "beta2", "alpha", "decay", "set"];

    /// <summary>Reads a query.</summary>
    /// <param name="query">The query, with or without its question mark.</param>
    /// <exception cref="PlaygroundException">It says nothing that can be made.</exception>
    public static Setup Read(string query)
    {
        query = query.TrimStart('?');
        if (query.Length == 0) return Setup.Notebook;
        if (query.Length > 2 * MostCharacters) throw new PlaygroundException($"An address has at most {2 * MostCharacters} characters, but this one has {query.Length}.");
        var values = new Dictionary<string, string>();
        foreach (var pair in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var at = pair.IndexOf('=', StringComparison.Ordinal);
            var name = at < 0 ? pair : pair[..at];
            if (!Known.Contains(name)) throw new PlaygroundException($"The address has \"{Uri.UnescapeDataString(name)}\", which means nothing here. It may have {string.Join(", ", Known)}.");
            if (!values.TryAdd(name, Uri.UnescapeDataString(at < 0 ? "" : pair[(at + 1)..].Replace('+', ' ')))) throw new PlaygroundException($"The address has \"{name}\" twice.");
        }

        var optimizer = new OptimizerSettings { Name = values.GetValueOrDefault("opt", "sgd") };
        optimizer = optimizer with { LearningRate = optimizer.Name != "sgd" ? 0.01 : DataSet.Find(values.GetValueOrDefault("data", ""))?.LearningRate ?? 0.1 };
        foreach (var setting in optimizer.Names.Append("lr"))
            if (values.TryGetValue(setting, out var text)) optimizer = optimizer.With(setting, Number(setting, text));
        if (!OptimizerSettings.All.Any(known => known.Name == optimizer.Name))
            throw new PlaygroundException($"The address should have one of {string.Join(", ", OptimizerSettings.All.Select(known => known.Name))} as opt, but it has \"{optimizer.Name}\".");

        var data = values.GetValueOrDefault("data", "line");
        var isKnown = DataSet.Find(data) is not null;
        if (!isKnown && data != "points") throw new PlaygroundException($"The address should have one of {string.Join(", ", DataSet.All.Select(known => known.Name))}, points as data, but it has \"{data}\".");
        if (data == "points" && !values.ContainsKey("points")) throw new PlaygroundException("The address should have points where data is \"points\", but it has none.");
        var seed = values.GetValueOrDefault("seed", "0");
        return new()
        {
            Network = values.GetValueOrDefault("net", isKnown && values.ContainsKey("data") ? DataSet.Find(data)!.Network : "1-1-1 sigmoid mse"),
            Data = data,
            Points = data == "points" ? ReadPoints(values["points"], values.GetValueOrDefault("classes", "0")) : null,
            Seed = long.TryParse(seed, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : throw new PlaygroundException($"The address should have a whole number as seed, but it has \"{seed}\"."),
            Optimizer = optimizer,
            Start = values.TryGetValue("set", out var set) ? ReadStart(set) : [],
        };
    }

    /// <summary>Writes a setup; null where it is too long for an address.</summary>
    public static string? Write(Setup setup)
    {
        if (setup == Setup.Notebook || (setup with { Start = Setup.Notebook.Start } == Setup.Notebook && setup.Start.SequenceEqual(Setup.Notebook.Start))) return "";
        var (optimizer, usual) = (setup.Optimizer, new OptimizerSettings { Name = setup.Optimizer.Name });
        var pairs = new List<string> { $"net={Escape(setup.Network)}", $"data={setup.Data}" };
        if (setup.Points is { } points)
        {
            pairs.Add($"points={Escape(string.Join(';', Enumerable.Range(0, points.Count).Select(i => string.Join(',', points.X.Row(i).Append(points.Y[i, 0]).Select(Text)))))}");
            if (points.Classes > 0) pairs.Add($"classes={points.Classes}");
        }

        pairs.Add($"seed={Signature.Number(setup.Seed)}");
        if (optimizer.Name != "sgd") pairs.Add($"opt={optimizer.Name}");
        pairs.Add($"lr={Text(optimizer.LearningRate)}");
        foreach (var name in optimizer.Names)
            if (optimizer[name] != usual[name]) pairs.Add($"{name}={Text(optimizer[name])}");
        if (setup.Start.Count > 0) pairs.Add($"set={Escape(string.Join(';', setup.Start.Select(Text)))}");
        var query = $"?{string.Join('&', pairs)}";
        return query.Length <= MostCharacters ? query : null;
    }

    private static string Text(double value) => Signature.Number(value);

    private static string Text(StartEntry entry) => $"{Uri.EscapeDataString(entry.Parameter)}[{Text(entry.Row)},{Text(entry.Column)}]={Text(entry.Value)}";

    // What a query may hold as it is stays readable.
    private static string Escape(string text) => Uri.EscapeDataString(text).Replace("%20", "+", StringComparison.Ordinal).Replace("%28", "(", StringComparison.Ordinal).Replace("%29", ")", StringComparison.Ordinal)
        .Replace("%2C", ",", StringComparison.Ordinal).Replace("%3A", ":", StringComparison.Ordinal).Replace("%3B", ";", StringComparison.Ordinal);

    private static double Number(string name, string text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value)
        ? value
        : throw new PlaygroundException($"The address should have a number as {name}, but it has \"{text}\".");

    private static Points ReadPoints(string text, string classesText)
    {
        if (!int.TryParse(classesText, NumberStyles.None, CultureInfo.InvariantCulture, out var classes) || classes is 1 or > 10) throw new PlaygroundException($"The address should have 0 or 2 to 10 classes, but it has \"{classesText}\".");
        var rows = text.Split(';').Select(row => row.Split(',').Select(number => Number("points", number)).ToArray()).ToArray();
        if (rows.Length > MostPoints) throw new PlaygroundException($"The address should have at most {MostPoints} points, but it has {rows.Length}.");
        var width = rows[0].Length;
        if (width is < 2 or > 3 || Array.Exists(rows, row => row.Length != width)) throw new PlaygroundException("The address should have points of 2 or 3 numbers, all of as many, but it has others.");
        if (classes > 0 && Array.Find(rows, row => row[^1] < 0 || row[^1] >= classes || row[^1] != Math.Floor(row[^1])) is { } wrong)
            throw new PlaygroundException($"The address should have a class from 0 to {classes - 1} as the last number of each point, but it has {Text(wrong[^1])}.");
        return new(Matrix<double>.Build.Dense(rows.Length, width - 1, (i, j) => rows[i][j]), Matrix<double>.Build.Dense(rows.Length, 1, (i, _) => rows[i][^1]), classes);
    }

    private static StartEntry[] ReadStart(string text) => [.. text.Split(';').Select(ReadEntry)];

    private static StartEntry ReadEntry(string text)
    {
        var (open, close) = (text.LastIndexOf('['), text.LastIndexOf(']'));
        if (open > 0 && close > open && text.AsSpan(close + 1) is ['=', ..] && text[(open + 1)..close].Split(',') is [var row, var column]
            && int.TryParse(row, NumberStyles.None, CultureInfo.InvariantCulture, out var i) && int.TryParse(column, NumberStyles.None, CultureInfo.InvariantCulture, out var j))
            return new(Uri.UnescapeDataString(text[..open]), i, j, Number("set", text[(close + 2)..]));
        throw new PlaygroundException($"The address should have entries such as hidden.weight[0,0]=0.5 as set, but it has \"{text}\".");
    }
}
