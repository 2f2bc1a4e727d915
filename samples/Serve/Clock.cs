using System.Diagnostics;

namespace Samples.Serve;

internal static class Clock
{
    /// <summary>The shortest of the times within three seconds, by whose end all is compiled as well as it will be.</summary>
    internal static async Task<double> Microseconds(Func<Task<float[]>> run)
    {
        var best = TimeSpan.MaxValue;
        for (var all = Stopwatch.StartNew(); all.ElapsedMilliseconds < 3000;)
        {
            var start = Stopwatch.GetTimestamp();
            await run();
            if (Stopwatch.GetElapsedTime(start) is var elapsed && elapsed < best) best = elapsed;
        }

        return best.TotalMicroseconds;
    }
}
