using System.Text.Json;
using System.Text.Json.Serialization;

namespace Backprop.Benchmarks;

/// <summary>Rows of earlier runs, a line of JSON each, so that a change can be held against what was before it.</summary>
/// <param name="When">The day.</param>
/// <param name="Machine">Where it ran; only runs of one machine are held against each other.</param>
/// <param name="Row">Table, network or product, type and threads.</param>
/// <param name="Ours">Our median, in microseconds.</param>
/// <param name="Theirs">The peer's.</param>
/// <param name="Ratio">The median of the ratios.</param>
/// <param name="OfBests">The ratio of the best blocks.</param>
internal sealed record History(string When, string Machine, string Row, double Ours, double Theirs, double Ratio, double OfBests)
{
    /// <summary>The last run of each row on this machine; none where there is no file yet.</summary>
    /// <exception cref="FormatException">A line is none of a history.</exception>
    public static Dictionary<string, History> Read(string path, string machine)
    {
        var last = new Dictionary<string, History>();
        if (!File.Exists(path)) return last;
        foreach (var line in File.ReadLines(path))
        {
            if (line.Length == 0) continue;
            History run;
            try
            {
                run = JsonSerializer.Deserialize(line, HistoryJson.Default.History) ?? throw new JsonException();
            }
            catch (JsonException e)
            {
                throw new FormatException($"{path} has a line that is no row of a run: {line}", e);
            }

            if (run.Machine == machine) last[run.Row] = run;
        }

        return last;
    }

    public void AppendTo(string path) => File.AppendAllText(path, JsonSerializer.Serialize(this, HistoryJson.Default.History) + "\n");
}

[JsonSerializable(typeof(History))]
internal sealed partial class HistoryJson : JsonSerializerContext;
