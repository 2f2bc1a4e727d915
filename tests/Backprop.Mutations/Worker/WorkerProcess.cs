using System.Diagnostics;
using System.Text.Json;

namespace Backprop.Mutations;

/// <summary>The parent's end of a child that runs tests; a new one takes over when one hangs, falls, or has seen enough.</summary>
internal sealed class WorkerProcess(string tests) : IDisposable
{
    // Each mutant leaves some megabytes behind.
    private const int Enough = 60;

    private Process? _process;
    private int _served;

    /// <summary>Runs tests on an assembly.</summary>
    /// <param name="request">What to run.</param>
    /// <param name="limit">How long it may take.</param>
    /// <returns>The results, or why there are none.</returns>
    public async Task<(IReadOnlyList<TestResult> Results, string? End)> RunAsync(Request request, TimeSpan limit)
    {
        if (_served++ >= Enough) Stop();
        _process ??= Start();
        using var timeout = new CancellationTokenSource(limit);
        try
        {
            await _process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(request).AsMemory(), timeout.Token);
            if (await _process.StandardOutput.ReadLineAsync(timeout.Token) is { } line) return (JsonSerializer.Deserialize<List<TestResult>>(line)!, null);
            await _process.WaitForExitAsync(timeout.Token);
            var code = _process.ExitCode;
            Stop();
            return ([], $"the process fell, with exit code {code}");
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
            Stop();
            return ([], exception is IOException ? "the process fell" : $"no answer within {limit.TotalSeconds:0} s");
        }
    }

    public void Dispose() => Stop();

    private Process Start()
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet") start.ArgumentList.Add(typeof(WorkerProcess).Assembly.Location);
        start.ArgumentList.Add(WorkerLoop.Argument);
        start.ArgumentList.Add(tests);
        var process = Process.Start(start)!;
        process.ErrorDataReceived += (_, _) => { }; // what a fall prints is of no use
        process.BeginErrorReadLine();
        return process;
    }

    private void Stop()
    {
        if (_process is null) return;
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself.
        }

        _process.Dispose();
        (_process, _served) = (null, 0);
    }
}
