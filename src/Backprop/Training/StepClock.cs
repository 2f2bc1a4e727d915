using System.Diagnostics;

namespace Backprop;

/// <summary>Measures steps, each of one batch or of several with callbacks in between that do not count. It does not even look at the time unless somebody listens.</summary>
internal struct StepClock
{
    private long _began, _spent;

    /// <summary>A batch begins.</summary>
    /// <param name="isFirst">Whether it is the first of its step.</param>
    internal void Begin(bool isFirst)
    {
        if (isFirst) _spent = 0;
        _began = TrainingTelemetry.StepDuration.Enabled ? Stopwatch.GetTimestamp() : 0;
    }

    /// <summary>A batch is over, its step not yet taken, or nothing in it counted.</summary>
    internal void Pause()
    {
        if (_began != 0) _spent += Stopwatch.GetTimestamp() - _began;
        _began = 0;
    }

    /// <summary>A step was taken.</summary>
    internal void Tell()
    {
        TrainingTelemetry.Steps.Add(1);
        if (_began == 0) return;
        TrainingTelemetry.StepDuration.Record((double)(_spent + Stopwatch.GetTimestamp() - _began) / Stopwatch.Frequency);
        (_began, _spent) = (0, 0);
    }
}
