using System.Globalization;

namespace Backprop.Ranks;

/// <summary>What the program is told: a command, what it is about, and <c>--name value</c>.</summary>
public sealed record Options(string Command, string Subject)
{
    public int Shards { get; init; } = 8;

    public int Steps { get; init; } = 200;

    /// <summary>A checkpoint is written here, each epoch.</summary>
    public string? Save { get; init; }

    /// <summary>The training goes on from here.</summary>
    public string? Resume { get; init; }

    /// <summary>Adds by MPI's own all-reduce.</summary>
    public bool Plain { get; init; }

    public int? Threads { get; init; }

    public static Options Parse(string[] args)
    {
        var options = new Options(args.ElementAtOrDefault(0) ?? "", args.ElementAtOrDefault(1) ?? "");
        for (var i = 2; i + 1 < args.Length; i += 2)
        {
            var value = args[i + 1];
            options = args[i] switch
            {
                "--shards" => options with { Shards = Number(value) },
                "--steps" => options with { Steps = Number(value) },
                "--save" => options with { Save = value },
                "--resume" => options with { Resume = value },
                "--plain" => options with { Plain = bool.Parse(value) },
                "--threads" => options with { Threads = Number(value) },
                _ => throw new ArgumentException($"Backprop.Mpi.Ranks knows no {args[i]}."),
            };
        }

        return options;
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
