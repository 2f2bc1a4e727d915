using System.Globalization;

namespace Backprop;

/// <summary>How <see cref="Mpi.Run(string[], Action{MpiRanks}, MpiOptions)"/> looks after its ranks.</summary>
public sealed record MpiOptions
{
    internal const string LimitVariable = "BACKPROP_MPI_LIMIT";

    /// <summary>How long a rank waits for the others before it ends all of them: a minute, or as many seconds as BACKPROP_MPI_LIMIT says. Longer than the longest step.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not above 0.</exception>
    public TimeSpan Limit { get; init => field = Above0(value, nameof(Limit)); } = FromEnvironment();

    /// <summary>How long ranks wait for the first one to do what it alone does, such as saving: ten minutes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not above 0.</exception>
    public TimeSpan LimitOnFirst { get; init => field = Above0(value, nameof(LimitOnFirst)); } = TimeSpan.FromMinutes(10);

    /// <summary>How long ranks wait for each other to begin, before any of them knows of the others: two minutes. Longer than a launcher takes to start them all.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not above 0.</exception>
    public TimeSpan LimitAtStart { get; init => field = Above0(value, nameof(LimitAtStart)); } = TimeSpan.FromMinutes(2);

    /// <summary>How many threads a rank computes with; null shares the processors that it may use among the ranks of its machine.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is below 1.</exception>
    public int? Threads
    {
        get;
        init => field = value is < 1 ? throw new ArgumentOutOfRangeException(nameof(Threads), value.Value.ToString(CultureInfo.InvariantCulture), "MpiOptions expects Threads to be at least 1.") : value;
    }

    private static TimeSpan FromEnvironment()
    {
        var text = Environment.GetEnvironmentVariable(LimitVariable);
        if (string.IsNullOrEmpty(text)) return TimeSpan.FromMinutes(1);
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds) && seconds is >= 0.001 and < 1e9
            ? TimeSpan.FromSeconds(seconds)
            : throw new InvalidOperationException($"{LimitVariable} is expected to be a number of seconds, at least 0.001, but it is {text}.");
    }

    private static TimeSpan Above0(TimeSpan value, string name) => value > TimeSpan.Zero
        ? value
        : throw new ArgumentOutOfRangeException(name, value.ToString("c", CultureInfo.InvariantCulture), $"MpiOptions expects {name} to be above 0.");
}
