using System.Diagnostics;
using FluentAssertions;
using Xunit;

namespace Backprop.Tests;

/// <summary>The walkthrough as its user starts it: a process of its own, with its output sent elsewhere.</summary>
public sealed class WalkthroughProcessTests
{
    [NeedsTorch]
    [Theory]
    [InlineData(null)]
    [InlineData("1")]
    public void Redirected_output_is_plain_text_of_80_columns(string? noColor)
    {
        var (exitCode, output, error) = Start(noColor, "--steps", "100");
        exitCode.Should().Be(0);
        error.Should().BeEmpty();
        output.Should().Contain("All gradients agree.").And.NotContain("\x1b");
        output.Where(char.IsControl).Distinct().Except("\r\n").Should().BeEmpty();
        output.Split('\n').Max(line => line.TrimEnd('\r').Length).Should().BeLessThanOrEqualTo(80);
    }

    [Fact]
    public void An_unknown_option_gives_usage_and_exit_code_1_without_a_stack_trace()
    {
        var (exitCode, output, error) = Start(noColor: null, "--point", "3");
        exitCode.Should().Be(1);
        error.Should().Contain("'--point'").And.NotContain("   at ").And.NotContain("\x1b");
        output.Should().Contain("Usage:").And.NotContain("Did you mean");
    }

    /// <summary>Runs the walkthrough; up to three times where TorchSharp frees a number while libtorch reads it, see <see cref="Any"/>.</summary>
    internal static (int ExitCode, string Output, string Error) Start(string? noColor, params string[] arguments)
    {
        for (var again = 2; ; again--)
        {
            var result = StartOnce(noColor, arguments);
            if (again == 0 || !result.Error.Contains("Scalar.h", StringComparison.Ordinal)) return result;
        }
    }

    private static (int ExitCode, string Output, string Error) StartOnce(string? noColor, string[] arguments)
    {
        using var process = Process.Start(StartInfo(noColor, arguments))!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, string.Concat(error.Result.Split('\n').Where(line => !IsPyTorchs(line))));
    }

    // libtorch's own, such as: [W1127 17:12:38.529076938 NNPACK.cpp:56] Could not initialize NNPACK! Reason: Unsupported hardware.
    private static bool IsPyTorchs(string line) => line.StartsWith("[W", StringComparison.Ordinal) && line.Contains(".cpp:", StringComparison.Ordinal);

    internal static ProcessStartInfo StartInfo(string? noColor, params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", [Path.Combine(AppContext.BaseDirectory, "Backprop.Walkthrough.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Remove("NO_COLOR");
        if (noColor is not null) start.Environment["NO_COLOR"] = noColor;
        return start;
    }
}
