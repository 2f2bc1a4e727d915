using System.Diagnostics;

namespace Backprop;

/// <summary>Measures steps, each of one batch or of several with callbacks in between that do not count. It does not even look at the time unless somebody listens.</summary>
internal struct StepClock
{
    private long _began, _spent;
    private bool _hasStepped;

    /// <summary>A batch begins.</summary>
    /// <param name="isFirst">Whether it is the first of its step.</param>
    internal void Begin(bool isFirst)
    {
        if (isFirst) (_spent, _hasStepped) = (0, false);
        _began = TrainingTelemetry.StepDuration.Enabled ? Stopwatch.GetTimestamp() : 0;
    }

    /// <summary>A step was taken.</summary>
    internal void Step() => _hasStepped = true;

    /// <summary>A batch is over: tells of its step, if it was taken.</summary>
    internal void End()
    {
        if (_began != 0) _spent += Stopwatch.GetTimestamp() - _began;
        _began = 0;
        if (!_hasStepped) return;
        var spent = _spent;
        (_spent, _hasStepped) = (0, false);
        TrainingTelemetry.Steps.Add(1);
        if (spent != 0) TrainingTelemetry.StepDuration.Record((double)spent / Stopwatch.Frequency);
    }
}
