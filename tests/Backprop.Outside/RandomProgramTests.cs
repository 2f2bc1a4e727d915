using System.Diagnostics;
using System.Globalization;
using FluentAssertions;
using Xunit;

namespace Backprop.Outside;

/// <summary>Random programs run in a process of their own, since what they look for is its end.</summary>
/// <remarks>Run on purpose, <c>Backprop.Outside -explicit only -method "*random_programs*"</c>; <c>BACKPROP_PROGRAMS=10000</c> runs so many instead of a thousand. A program that
/// takes longer than its share of the time is a finding, too, and is named.</remarks>
public sealed class RandomProgramTests(ITestOutputHelper output)
{
    private const string Range = "BACKPROP_PROGRAM_RANGE";

    [Fact(Explicit = true)]
    public void A_thousand_random_programs_end_in_nothing_worse_than_a_refusal()
    {
        var count = int.Parse(Environment.GetEnvironmentVariable("BACKPROP_PROGRAMS") ?? "1000", CultureInfo.InvariantCulture);
        for (var first = 0; first < count; first += 500)
        {
            var (exit, text) = Child(first, Math.Min(500, count - first));
            exit.Should().Be(0, $"{first} and the programs after it ran in a process that said:\n{text}");
            text.Should().Contain("Total: 1, Errors: 0, Failed: 0, Skipped: 0", "the child ran its programs");
        }
    }

    [Fact]
    public void Programs_of_a_range()
    {
        var range = Environment.GetEnvironmentVariable(Range) ?? "";
        Assert.SkipUnless(range.Length > 0, $"Run by the test above, with {Range}.");
        var (first, count) = (int.Parse(range.Split(':')[0], CultureInfo.InvariantCulture), int.Parse(range.Split(':')[1], CultureInfo.InvariantCulture));
        int calls = 0, refused = 0;
        for (var seed = first; seed < first + count; seed++)
        {
            using var slow = new Timer(late => Environment.FailFast($"Program {late} has taken more than a minute."), seed, TimeSpan.FromMinutes(1), Timeout.InfiniteTimeSpan);
            try
            {
                var (c, r) = RandomProgram.Run(seed);
                (calls, refused) = (calls + c, refused + r);
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"Program {seed}: {exception}"), exception);
            }
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count} programs, {calls} calls, {refused} refused"));
        refused.Should().BeInRange(calls / 20, calls * 19 / 20, "some of the calls misbehave, and some do not");
    }

    private static (int Exit, string Text) Child(int first, int count)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet") start.ArgumentList.Add(typeof(RandomProgramTests).Assembly.Location);
        foreach (var argument in (string[])["-noColor", "-method", $"{typeof(RandomProgramTests).FullName}.{nameof(Programs_of_a_range)}"]) start.ArgumentList.Add(argument);
        start.Environment[Range] = string.Create(CultureInfo.InvariantCulture, $"{first}:{count}");
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var text = process.StandardOutput.ReadToEnd() + error.Result;
        process.WaitForExit();
        return (process.ExitCode, text);
    }
}
