{{- define "lateen.labels" -}}
app.kubernetes.io/name: lateen
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "lateen.selector" -}}
app.kubernetes.io/name: lateen
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
